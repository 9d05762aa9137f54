"""The handlers in FastAPI, as its documentation writes them: the return annotation is the response model."""

from fastapi.responses import PlainTextResponse

from benchmarks.binding.on_fastapi import app

GREETING = "Hello, World!"


@app.get("/plaintext", response_class=PlainTextResponse)
async def plaintext() -> str:
    return GREETING


@app.get("/json")
async def greet() -> dict[str, str]:
    return {"message": GREETING}
