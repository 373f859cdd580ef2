"""What ends a backup or a restore, in words for whoever has to act."""


class BackupError(RuntimeError):
    """A backup could not be made."""


class RefusedError(RuntimeError):
    """A backup is not what its manifest says, or its manifest is not ours: nothing of it may be used."""
