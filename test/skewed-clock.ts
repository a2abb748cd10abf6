/** Imported into a process by a test: its clock is so many milliseconds ahead. */
const aheadMs = Number(process.env.TEST_CLOCK_AHEAD_MS);
const now = Date.now;
Date.now = () => now() + aheadMs;
