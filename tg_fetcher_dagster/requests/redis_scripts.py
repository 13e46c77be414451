"""The Lua scripts of the queue: Redis runs a script as a whole, so no reader sees half a step.

Each may be sent twice (a client that lost the answer tries again): the second time changes nothing. In each,
what keeps a command goes first and what removes it last: a key of another type stops a script with an error
before anything is gone. Redis 5 or later is needed (it replicates what a script did, not the script).
"""

from typing import Final

CLAIM: Final = """
-- Moves a handful into `processing` under a token, unless one is there already; returns token and entries.
-- What an older version left in `processing` (without a token) is taken as such a handful.
-- KEYS: queue, processing, claim. ARGV: a new token, entries at most, bytes at most.
local token = redis.call('GET', KEYS[3])
if not token then
  if redis.call('LLEN', KEYS[2]) == 0 then
    local taken, bytes, step = 0, 0, 50
    while taken < tonumber(ARGV[2]) and bytes < tonumber(ARGV[3]) do
      local some = redis.call('LRANGE', KEYS[1], taken, math.min(taken + step, tonumber(ARGV[2])) - 1)
      if #some == 0 then break end
      for _, entry in ipairs(some) do
        redis.call('RPUSH', KEYS[2], entry)
        taken = taken + 1
        bytes = bytes + #entry
        if bytes >= tonumber(ARGV[3]) then break end
      end
    end
    if taken == 0 then return {'', {}} end
    token = ARGV[1]
    redis.call('SET', KEYS[3], token)
    redis.call('LTRIM', KEYS[1], taken, -1)
  else
    token = ARGV[1]
    redis.call('SET', KEYS[3], token)
  end
end
return {token, redis.call('LRANGE', KEYS[2], 0, -1)}
"""

RELEASE: Final = """
-- Lets a handful go that stands in the ledger; returns 1, or 0 where another one is there by now.
-- KEYS: processing, claim. ARGV: the token, how many entries it had.
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('LTRIM', KEYS[1], ARGV[2], -1)
redis.call('DEL', KEYS[2])
return 1
"""

MIRROR: Final = """
-- Appends dead letters that are not among the last ones; returns how many it appended.
-- KEYS: failed. ARGV: the letters.
local last = {}
for _, letter in ipairs(redis.call('LRANGE', KEYS[1], -2 * #ARGV, -1)) do last[letter] = true end
local added = 0
for _, letter in ipairs(ARGV) do
  if not last[letter] then
    redis.call('RPUSH', KEYS[1], letter)
    added = added + 1
  end
end
return added
"""
