"""3D chairs: 1,393 rendered chairs, 62 views each, no labels; resized to 64x64 (Lanczos), in the order of names."""

from pathlib import Path, PurePosixPath

from ifp.datasets.archives import unpacked
from ifp.datasets.dataset import DataOptions
from ifp.datasets.family import Family, PublicFile
from ifp.datasets.files import require_file
from ifp.datasets.folder_listing import list_folder
from ifp.datasets.stored import StoredDataset, prepared
from ifp.datasets.user_folder import read_pictures

_SIDE, _FOLDER, _ARCHIVE = 64, "rendered_chairs", "rendered_chairs.tar"


def _picture(path: PurePosixPath) -> PurePosixPath | None:
    """CHAIR/renders/VIEW.png."""
    wanted = path.match(f"{_FOLDER}/*/renders/*.png") and ".." not in path.parts
    return PurePosixPath(*path.parts[-3:]) if wanted else None


def load(name: str, data_dir: Path | None, options: DataOptions) -> StoredDataset:
    """3D chairs from their folder, or from the archive that unpacks to it."""
    found = require_file([_FOLDER, _ARCHIVE], name, data_dir)
    folder = found if found.is_dir() else unpacked(found, _FOLDER, _picture)
    pictures = list_folder(folder).pictures
    stored = prepared(name, pictures, lambda: read_pictures(pictures, (_SIDE, _SIDE)))
    return StoredDataset(name, stored, source=f"folder {folder}", options=options)


FAMILY = {
    "chairs3d": Family(
        load=load,
        summary="unlabelled",
        images=86_366,
        image_shape=(_SIDE, _SIDE, 3),
        size="some GB; 1.1 GB in the cache",
        licence="not stated",
        citation="Aubry, Maturana, Efros, Russell, Sivic: Seeing 3D chairs, CVPR 2014",
        homepage="https://www.di.ens.fr/willow/research/seeing3Dchairs/",
        files=(
            PublicFile(
                name=_ARCHIVE,
                urls=(f"https://www.di.ens.fr/willow/research/seeing3Dchairs/data/{_ARCHIVE}",),
                unpacked=_FOLDER,
            ),
        ),
    )
}
