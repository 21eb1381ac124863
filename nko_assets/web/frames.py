"""`GET /api/frames/{frame_id}`: the picture of a frame that was kept."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Response

from nko_assets.resources.lake import Lake
from nko_assets.resources.pictures import frame_jpeg
from nko_assets.schemas.base import FRAME_ID

# A lesson that is sampled anew may get another picture at the same second.
KEEP_S = 3_600


def frame_pictures(lake: Lake) -> APIRouter:
    """The endpoint over the frames in `lake`."""
    router = APIRouter(tags=["frames"])

    @router.get(
        "/frames/{frame_id}",
        response_class=Response,
        responses={
            200: {"content": {"image/jpeg": {}}, "description": "The frame."},
            404: {"description": "This server has no picture of the frame."},
        },
    )
    def picture(frame_id: Annotated[str, Path(pattern=FRAME_ID)]) -> Response:
        """A JPEG."""
        jpeg = frame_jpeg(lake, frame_id)
        if jpeg is None:
            raise HTTPException(404, "This server has no picture of the frame.")
        return Response(
            jpeg, media_type="image/jpeg", headers={"Cache-Control": f"max-age={KEEP_S}"}
        )

    return router
