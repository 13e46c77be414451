"""What is asked: commands, chat keys, dates, the queue and the plan."""
