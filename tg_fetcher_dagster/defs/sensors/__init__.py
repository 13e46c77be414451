"""What happens by itself: commands become runs, chats partitions, events are published, dead runs noticed."""
