"""`python -m benchmarks`: the figures of the whole server, as the README quotes them."""

from benchmarks.serving import run

if __name__ == "__main__":
    run()
