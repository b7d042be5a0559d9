"""A whole batch in one call of SQLite.

Why: each call gives up Python's interpreter lock, and while the event loop is busy the writer waits for it
up to `sys.getswitchinterval()` each time. With a statement for each row a commit of 100 rows took 525 ms
beside a busy loop; as one statement it takes 7 ms (2 ms at a switch interval of 0.5 ms).

How: the batch is bound as an array of byte strings, and temporary triggers on a view take them apart.
"""

from collections.abc import Iterator, Sequence

import apsw

from ballroom.kernel.store.engine import EpochLost, Write

_STATEMENT_BYTES = 4 << 20  # SQLite holds one statement's rows in memory until it is done

# An entry is a letter and its fields: P + length of the key (9 digits) + key + value; D + key;
# N + sequence (20 digits) + epoch.
_TRIGGERS = """
    pragma temp_store = memory;
    create temp view batch (entry) as select null;
    create temp trigger put instead of insert on batch when substr(new.entry, 1, 1) = x'50' begin
        insert into kv (k, v) values (
            substr(new.entry, 11, cast(substr(new.entry, 2, 9) as integer)),
            substr(new.entry, 11 + cast(substr(new.entry, 2, 9) as integer))
        ) on conflict (k) do update set v = excluded.v;
    end;
    create temp trigger remove instead of insert on batch when substr(new.entry, 1, 1) = x'44' begin
        delete from kv where k = substr(new.entry, 2);
    end;
    create temp trigger number instead of insert on batch when substr(new.entry, 1, 1) = x'4e' begin
        update owner set sequence = cast(substr(new.entry, 2, 20) as integer)
            where epoch = cast(substr(new.entry, 22) as integer);
        select raise(abort, 'epoch lost') where changes() = 0;
    end;
"""
_APPLY = "insert into batch (entry) select value from carray(?)"


class BatchWriter:
    """Writes batches through one connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        """Set the connection up; its file stays as it is."""
        self._connection = connection
        connection.execute(_TRIGGERS)

    def write(self, writes: Sequence[Write], sequence: int, epoch: int) -> None:
        """Commit writes, each key at most once, if `epoch` is the store's.

        Raises:
            EpochLost: it is not.
            apsw.Error: nothing was committed; a transaction may be open.
        """
        execute = self._connection.execute
        statements = list(_entries(writes, sequence, epoch))
        try:
            if len(statements) == 1:
                execute(_APPLY, (apsw.carray(statements[0]),))
                return
            execute("begin immediate")
            for entries in statements:
                execute(_APPLY, (apsw.carray(entries),))
            execute("commit")
        except apsw.ConstraintError as error:
            raise EpochLost(f"epoch {epoch} is no longer the store's") from error


def _entries(writes: Sequence[Write], sequence: int, epoch: int) -> Iterator[tuple[bytes, ...]]:
    """The entries of each statement."""
    entries = [b"N%020d%d" % (sequence, epoch)]
    size = 0
    for key, value in writes:
        entry = b"D" + key if value is None else b"P%09d%b%b" % (len(key), key, value)
        entries.append(entry)
        size += len(entry)
        if size > _STATEMENT_BYTES:
            yield tuple(entries)
            entries, size = [], 0
    if entries:
        yield tuple(entries)
