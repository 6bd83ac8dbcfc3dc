"""Archives of many files, unpacked once beside themselves."""

import lzma
import shutil
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from annealing.errors import DataError
from ifp.files.atomic import new_folder

_LARGEST = 64 * 2**30  # bytes of an archive once unpacked: none of the public ones has a tenth of it
Place = Callable[[PurePosixPath], PurePosixPath | None]


def unpacked(archive: Path, folder: str, place: Place) -> Path:
    """The folder of that name beside the tar archive; made of it, whole or not at all, where there is none.

    Args:
        archive: tar, compressed or not.
        folder: its name.
        place: where in the folder a member goes, by its path in the archive; None leaves it out.

    Raises:
        DataError: the archive is damaged, nothing in it is wanted, there is no room for it, or the folder cannot be
            written.
    """
    target = archive.parent / folder
    if target.is_dir():
        return target
    try:
        with tarfile.open(archive) as tar, new_folder(target) as partial:
            left = min(shutil.disk_usage(partial).free, _LARGEST)
            for member in tar:
                left -= member.size if member.isfile() else 0
                if left < 0 or member.offset_data > _LARGEST:
                    raise DataError(f"need room for the archive {archive}, it unpacks to more than is free or sensible")
                inside = place(PurePosixPath(member.name)) if member.isfile() else None
                if inside is not None:
                    tar.extract(member.replace(name=str(inside)), partial, filter="data")
            if not any(partial.iterdir()):
                raise DataError(f"need the files of {folder} in the archive {archive}, it holds none")
    except DataError:
        raise
    except (OSError, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, ValueError, OverflowError) as error:
        reason = " ".join(str(error).split())  # tarfile's has several lines
        raise DataError(f"need a whole archive of {folder}, {archive} cannot be unpacked: {reason}") from error
    return target
