"""The methods that the sandbox answers, one module a family."""
