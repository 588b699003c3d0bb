"""Runs one of the programs in js/: a JavaScript client, with the packages it was installed with."""

import json
import os
import shutil
from pathlib import Path

from tests.end_to_end.presence import node_modules
from tests.end_to_end.step_program import StepProgram

_PROGRAMS = Path(__file__).parent / "js"


class JavaScriptClient(StepProgram):
    """`settings`: baseUrl, apiKey, model, and what else the program reads.

    A step's options: stream, tools, thin, thinking, headers.
    """

    def __init__(self, program: str, folder: Path, **settings: str) -> None:
        modules = node_modules()
        # node looks for packages beside a program's real path, so the programs are copied there.
        scripts = folder / "js"
        shutil.copytree(_PROGRAMS, scripts)
        (scripts / "node_modules").symlink_to(modules)
        super().__init__(
            [modules / ".bin" / "node", scripts / program, json.dumps(settings)],
            {"PATH": os.environ["PATH"], "HOME": str(scripts)},
            scripts / "stderr",
        )
