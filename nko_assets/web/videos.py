"""`GET /api/videos/{video_id}`: the file of a video, whole or the part that a player asks for."""

from __future__ import annotations

import mimetypes
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path
from fastapi.responses import FileResponse

from nko_assets.resources.lake import Lake
from nko_assets.resources.video_files import find_whole
from nko_assets.schemas.base import VIDEO_ID


def video_files(lake: Lake) -> APIRouter:
    """The endpoint over the files in `lake`."""
    router = APIRouter(tags=["videos"])

    @router.get(
        "/videos/{video_id}",
        response_class=FileResponse,
        responses={
            200: {"content": {"video/mp4": {}}, "description": "The file."},
            206: {"content": {"video/mp4": {}}, "description": "The bytes that Range names."},
            404: {"description": "This server has no file of the video."},
        },
    )
    def video(video_id: Annotated[str, Path(pattern=VIDEO_ID)]) -> FileResponse:
        """The file as it was downloaded; Range is understood."""
        path = find_whole(lake.root / "video_files", video_id)
        if path is None:
            raise HTTPException(404, "This server has no file of the video.")
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return FileResponse(path, media_type=kind, headers={"Cache-Control": "private, no-cache"})

    return router
