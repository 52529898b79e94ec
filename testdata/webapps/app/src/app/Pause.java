package app;

import java.io.InterruptedIOException;

/** Waiting inside a servlet. */
final class Pause {
    /** No servlet waits longer than this, whatever a test asks for. */
    static final long LONGEST_MS = 120_000;

    private Pause() {}

    static void ms(long ms) throws InterruptedIOException {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("the server is stopping");
        }
    }
}
