"""`python -m rfgraph` is the `rfgraph` command."""

from rfgraph.cli.main import main

if __name__ == "__main__":
    main()
