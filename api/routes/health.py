"""`GET /healthz`: whether the process answers; needs no key and tells nothing else."""

from fastapi import APIRouter

router = APIRouter()


@router.get("/healthz")
async def health() -> dict[str, str]:
    """Always `ok`: it asks neither the database nor the engine, so a busy service stays alive."""
    return {"status": "ok"}
