"""`GET /api/frames/{frame_id}`: the picture of a frame that was kept, whole or small."""

from __future__ import annotations

import io
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Response
from PIL import Image

from nko_assets.resources.lake import Lake
from nko_assets.resources.pictures import frame_jpeg
from nko_assets.schemas.base import FRAME_ID

# A lesson that is sampled anew may get another picture at the same second.
KEEP_S = 3_600
SMALL_WIDTH = 400  # pixels: a strip of frames, on screens of two pixels a point


def frame_pictures(lake: Lake) -> APIRouter:
    """The endpoint over the frames in `lake`."""
    router = APIRouter(tags=["frames"])

    @router.get(
        "/frames/{frame_id}",
        response_class=Response,
        responses={
            200: {
                "content": {"image/jpeg": {}, "image/webp": {}},
                "description": "The frame: JPEG, or WebP when it is small.",
            },
            404: {"description": "This server has no picture of the frame."},
        },
    )
    def picture(
        frame_id: Annotated[str, Path(pattern=FRAME_ID)],
        small: Annotated[bool, Query(description=f"at most {SMALL_WIDTH} pixels wide")] = False,
    ) -> Response:
        """The picture as it was kept, or a small one for lists."""
        jpeg = frame_jpeg(lake, frame_id)
        if jpeg is None:
            raise HTTPException(404, "This server has no picture of the frame.")
        content, kind = (_small(jpeg), "image/webp") if small else (jpeg, "image/jpeg")
        return Response(
            content, media_type=kind, headers={"Cache-Control": f"private, max-age={KEEP_S}"}
        )

    return router


def _small(jpeg: bytes) -> bytes:
    with Image.open(io.BytesIO(jpeg)) as picture:
        # Decodes no more than is needed.
        picture.draft("RGB", (SMALL_WIDTH, SMALL_WIDTH))
        picture.thumbnail((SMALL_WIDTH, SMALL_WIDTH))
        written = io.BytesIO()
        picture.save(written, "WEBP", quality=70, method=2)
    return written.getvalue()
