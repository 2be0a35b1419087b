"""A real ralph learning record store that keeps its statements in a file: nothing else needs to run.

    python3 -m venv ralph && ralph/bin/pip install 'ralph-malph[full]==5.1.0'
    export RALPH_APP_DIR=$PWD/lrs RALPH_RUNSERVER_BACKEND=fs RALPH_BACKENDS__LRS__FS__DEFAULT_DIRECTORY_PATH=$PWD/lrs
    mkdir -p lrs
    ralph/bin/ralph auth -u grpo -p "$GRPO_LRS_PASSWORD" -s all -M mailto:grpo@example.org -t "" -w
    ralph/bin/python ralph_lrs.py 8100

`ralph runserver -b fs` (5.1.0) takes one request and answers every further one with status 500: its file backend creates the
file and refuses to write to one that is there. Appending is what a store needs, and all that this changes.
"""

import sys

import uvicorn
from ralph.backends.data.base import BaseOperationType
from ralph.backends.data.fs import FSDataBackend

FSDataBackend.default_operation_type = BaseOperationType.APPEND

if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8100
    uvicorn.run("ralph.api:app", host="127.0.0.1", port=port, log_level="warning", access_log=False)
