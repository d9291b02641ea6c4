"""How tests call the command."""

import pytest

from rfgraph.cli.main import main


@pytest.fixture
def run(capsys):
    """Run `rfgraph` in this process: exit status, standard output, standard error."""

    def run_here(*arguments):
        with pytest.raises(SystemExit) as caught:
            main([*arguments])
        out, err = capsys.readouterr()
        return caught.value.code, out, err

    return run_here
