"""Who is told: event models, the outbox, the publisher."""
