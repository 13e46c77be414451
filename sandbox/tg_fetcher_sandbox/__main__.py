"""`python -m tg_fetcher_sandbox`: what `tg-fetcher sandbox` does, without the fetcher."""

from tg_fetcher_sandbox.command_line import app

if __name__ == "__main__":
    app()
