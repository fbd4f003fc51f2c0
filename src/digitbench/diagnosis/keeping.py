"""The store of replicates: whether it can be reached, and what in it is damaged."""

import os
from collections.abc import Iterator
from pathlib import Path

from digitbench.diagnosis.symptoms import Probe, Symptom, fine, problem, some, warning
from digitbench.wording import count

# Bytes of entries that are read: half a second. `digitbench store verify` reads all.
READ = 300_000_000
UNUSED = "so that nothing is kept and every replicate is trained again"


def _store(project: Path) -> Iterator[Symptom]:
    # Loads torch, two seconds.
    from digitbench.execution.archive import DamagedError, unpack
    from digitbench.execution.keeper import store_address
    from digitbench.execution.store import FINISHED, OFF, VARIABLE, Store, parse

    address = store_address()
    if address is None:
        yield warning(f"{VARIABLE}={OFF}, {UNUSED}", "Unset it unless that is what you want.")
        return
    if "://" not in address and (refusal := _unusable(Path(address))):
        yield problem(f"{address} {refusal}, {UNUSED}", f"Allow that, or set {VARIABLE} elsewhere.")
        return
    store = Store(address)
    # What begins with a dot is not finished being written.
    entries = sorted(
        (entry for entry in store.entries() if not entry.key.startswith(".")),
        key=lambda entry: entry.written,
        reverse=True,
    )
    damaged, left, unread = [], READ, 0
    for entry in entries:
        left -= entry.bytes
        if left < 0:
            unread += 1
            continue
        try:
            content = store.read(entry)
            if entry.kind == FINISHED:
                parse(content, entry.key)
            else:
                unpack(content)
        except FileNotFoundError:  # taken away meanwhile, as a training does that is done
            continue
        except DamagedError as error:
            damaged.append(f"{entry.key[:12]} ({error})")
    rest = f"; {unread} not read, `digitbench store verify` reads all" if unread else ""
    size = sum(entry.bytes for entry in entries) / 1e6
    told = f"{address}: {count(len(entries), 'entry', 'entries')}, {size:.0f} MB{rest}"
    if damaged:
        what = f"{told}; {len(damaged)} damaged: {some(damaged)}"
        yield warning(what, "Nothing: the next training that needs one replaces it.")
    else:
        yield fine(told)


def _unusable(folder: Path) -> str:
    """Why a folder can't be read and written, or made; empty if it can."""
    if folder.exists() and not folder.is_dir():
        return "is no folder"
    there = next(place for place in (folder, *folder.parents) if place.exists())
    usable = os.access(there, os.R_OK | os.W_OK | os.X_OK)
    return "" if usable else "can't be read and written"


STORE = Probe("store", _store)
