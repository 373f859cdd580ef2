"""Waiting that a control can speed up: retry schedules of hours or days pass in seconds."""

import asyncio


class ScaledClock:
    """`scale` 1.0 keeps real time; 0.01 makes a schedule a hundred times faster, also for those already waiting."""

    def __init__(self, scale: float) -> None:
        self.scale = scale
        self._rescaled = asyncio.Event()

    def rescale(self, scale: float) -> None:
        self.scale = scale
        self._rescaled.set()
        self._rescaled = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        """Waits `seconds` of schedule time, following every change of scale on the way."""
        loop = asyncio.get_running_loop()
        left = seconds
        while left > 0:
            began, scale = loop.time(), self.scale
            try:
                async with asyncio.timeout(left * scale):
                    await self._rescaled.wait()
            except TimeoutError:
                return
            left -= (loop.time() - began) / scale
