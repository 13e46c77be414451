"""What is asked, whoever asks: commands, days, where they come from, the plan, the one reconciler."""
