"""3D chairs: 1,393 rendered chairs, 62 views each, no labels; resized to 64x64 (Lanczos), in the order of names."""

from pathlib import Path

from ifp.datasets.dataset import DataOptions
from ifp.datasets.family import Family, PublicFile
from ifp.datasets.files import require_file
from ifp.datasets.stored import StoredDataset, prepared
from ifp.datasets.user_folder import pictures_in, read_pictures

_SIDE = 64


def load(name: str, data_dir: Path | None, options: DataOptions) -> StoredDataset:
    """3D chairs from the folder that their archive unpacks to."""
    hint = "; tar xf rendered_chairs.tar makes it"
    folder = require_file(["rendered_chairs"], name, data_dir, hint)
    pictures = pictures_in(folder)
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
                name="rendered_chairs.tar",
                urls=("https://www.di.ens.fr/willow/research/seeing3Dchairs/data/rendered_chairs.tar",),
            ),
        ),
    )
}
