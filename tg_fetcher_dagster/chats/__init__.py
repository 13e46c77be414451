"""Who a chat is: its spellings, ids and names, and what is known of it."""
