"""Stages `parameters`: a whole file of parameters, also the keys that no other stage reads."""

from pathlib import Path

from digitbench.params import load_params, load_study


def main(name: str) -> None:
    """Refuse `params.yaml`, or in the folder of all studies `<study>/params.yaml`, if it is wrong.

    Sections of networks are left to the stages that read them whole: torch takes seconds to load.
    """
    path = Path(name)
    load = load_study if path.parent.name else load_params
    load(path, networks=())
