"""The documents: what they tell to type is typed, and what they say of the code is held against it."""
