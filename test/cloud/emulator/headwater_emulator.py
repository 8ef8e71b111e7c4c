"""Starts MiniStack as the AWS that the tests deploy to, with what it lacks for our stacks.

Usage: python headwater_emulator.py RUN_DIRECTORY

Whoever starts it holds its standard input open: when that ends, however it ends, the emulator removes RUN_DIRECTORY and
ends its whole process group, Lambda workers included. Nothing stays behind, also after Ctrl-C or SIGKILL.
"""

import os
import shutil
import signal
import sys
import threading
from importlib.metadata import version

# The modules beside this one replace private names, which another version may have moved or given another meaning.
TESTED_VERSION = "1.5.33"


def main() -> None:
    run_directory = sys.argv[1]
    found = version("ministack")
    if found != TESTED_VERSION:
        raise SystemExit(
            f"ministack is {found}, but the emulator's patches were written for {TESTED_VERSION}: "
            "install test/cloud/emulator/requirements.txt, or check each patch with its smoke test and raise TESTED_VERSION"
        )
    threading.Thread(target=end_with_parent, args=[run_directory], daemon=True).start()

    # Only now: ministack reads its settings from the environment when it is imported.
    from ministack import app

    import athena_flavour
    import mqtt_border
    import template_types

    print(f"headwater emulator: ministack {found}", flush=True)
    for patch in (template_types, mqtt_border, athena_flavour):
        for line in patch.apply():
            print(f"headwater emulator: {line}", flush=True)
    sys.argv = sys.argv[:1]  # ministack has options of its own
    app.main()


def end_with_parent(run_directory: str) -> None:
    while os.read(0, 4096):
        pass
    shutil.rmtree(run_directory, ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
