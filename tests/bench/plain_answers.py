"""A webhook that says yes to everything: what HTTPS and JSON cost by themselves. Given a folder, prints its port."""

import asyncio
import json
import ssl
import sys

from aiohttp import web


async def _yes(request: web.Request) -> web.Response:
    review = await request.json()
    answer = {"uid": review["request"]["uid"], "allowed": True}
    body = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": answer}
    return web.Response(body=json.dumps(body), content_type="application/json")


async def serve(folder: str) -> None:
    """Serve until killed."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(f"{folder}/tls.crt", f"{folder}/tls.key")
    application = web.Application()
    application.router.add_post("/{id}", _yes)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
