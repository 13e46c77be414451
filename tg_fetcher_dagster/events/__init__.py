"""Who is told: event models, what is recorded, who publishes it, progress in passing."""
