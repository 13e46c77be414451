"""The Lua scripts of the queue: Redis runs a script as a whole, so no reader sees half a step.

Each may be sent twice (a client that lost the answer tries again): the second time changes nothing.
"""

from typing import Final

READ: Final = """
-- Gives every entry of `processing` its claim and returns all that is held.
-- KEYS: processing, journal, batches, delayed. ARGV: now, a prefix for new claim ids.
local held = redis.call('LRANGE', KEYS[1], 0, -1)
local journal = redis.call('HGETALL', KEYS[2])
local known = {}
for i = 1, #journal, 2 do
  local sha1 = string.match(journal[i + 1], '"sha1":"(%x+)"') or ''
  known[sha1] = known[sha1] or {}
  table.insert(known[sha1], journal[i])
end
local made = 0
for _, raw in ipairs(held) do
  local sha1 = redis.sha1hex(raw)
  if known[sha1] and #known[sha1] > 0 then
    table.remove(known[sha1])
  else
    made = made + 1
    local id = string.format('%s-%04d', ARGV[2], made)
    redis.call('HSET', KEYS[2], id,
      '{"claim_id":"' .. id .. '","sha1":"' .. sha1 .. '","claimed_at":' .. ARGV[1] .. '}')
  end
end
-- Entries that an operator took out of `processing` take their claims with them.
for _, ids in pairs(known) do
  for _, id in ipairs(ids) do redis.call('HDEL', KEYS[2], id) end
end
return {held, redis.call('HGETALL', KEYS[2]), redis.call('HGETALL', KEYS[3]),
        redis.call('ZRANGE', KEYS[4], 0, -1, 'WITHSCORES')}
"""

COMMIT: Final = """
-- Applies a change if all it touches is still as it was read; returns 1, else 0.
-- KEYS: processing, journal, batches, delayed, failed. ARGV: the change as JSON.
local change = cjson.decode(ARGV[1])
for id, text in pairs(change.expected_claims) do
  if redis.call('HGET', KEYS[2], id) ~= text then return 0 end
end
for id, text in pairs(change.expected_batches) do
  if (redis.call('HGET', KEYS[3], id) or '') ~= text then return 0 end
end
for id, text in pairs(change.claims) do redis.call('HSET', KEYS[2], id, text) end
for id, text in pairs(change.batches) do
  redis.call('HSET', KEYS[3], id, text)
  redis.call('ZREM', KEYS[4], id)
end
for _, id in ipairs(change.done) do
  redis.call('HDEL', KEYS[3], id)
  redis.call('ZREM', KEYS[4], id)
end
for id, due in pairs(change.delayed) do redis.call('ZADD', KEYS[4], due, id) end
for _, id in ipairs(change.settled) do
  local sha1 = string.match(redis.call('HGET', KEYS[2], id), '"sha1":"(%x+)"')
  for _, raw in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
    if redis.sha1hex(raw) == sha1 then
      redis.call('LREM', KEYS[1], 1, raw)
      break
    end
  end
  redis.call('HDEL', KEYS[2], id)
  redis.call('ZREM', KEYS[4], id)
end
for _, letter in ipairs(change.dead) do redis.call('RPUSH', KEYS[5], letter) end
return 1
"""

REQUEUE: Final = """
-- Moves one dead letter back into the queue; returns 1, or 0 where it is gone already.
-- KEYS: failed, queue. ARGV: the letter, the command.
if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 0 then return 0 end
redis.call('RPUSH', KEYS[2], ARGV[2])
return 1
"""
