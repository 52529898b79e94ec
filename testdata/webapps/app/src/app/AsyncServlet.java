package app;

import jakarta.servlet.AsyncContext;
import jakarta.servlet.ReadListener;
import jakarta.servlet.ServletInputStream;
import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * {@code /async?ms=M}: gives its thread back and answers M ms later from another one.
 *
 * <p>{@code ?read=1} counts the request body with a non-blocking reader instead, which asks for
 * body packets at other moments than a blocking one; {@code ?never=1} runs into the time limit.
 */
@WebServlet(value = "/async", asyncSupported = true)
public final class AsyncServlet extends HttpServlet {
    private transient ScheduledExecutorService timer;

    @Override
    public void init() {
        timer = Executors.newSingleThreadScheduledExecutor();
    }

    @Override
    public void destroy() {
        timer.shutdownNow();
    }

    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
        Query query = Query.of(request);
        AsyncContext later = request.startAsync();
        long ms = query.number("ms", 100, Pause.LONGEST_MS);
        if (query.flag("read")) {
            later.setTimeout(Pause.LONGEST_MS);
            ServletInputStream in = request.getInputStream();
            in.setReadListener(new Count(later, in));
        } else if (query.flag("never")) {
            later.setTimeout(Math.max(1, ms));
        } else {
            later.setTimeout(ms + 10_000);
            timer.schedule(() -> answer(later, 0), ms, TimeUnit.MILLISECONDS);
        }
    }

    private static void answer(AsyncContext later, long bytes) {
        try {
            Json.send((HttpServletResponse) later.getResponse(), Map.of("async", true, "bytes", bytes));
        } catch (IOException e) {
            later.getRequest().getServletContext().log("nobody waits for the answer any more", e);
        }
        later.complete();
    }

    private static final class Count implements ReadListener {
        private final AsyncContext later;
        private final ServletInputStream in;
        private final byte[] buffer = new byte[8192];
        private long bytes;

        Count(AsyncContext later, ServletInputStream in) {
            this.later = later;
            this.in = in;
        }

        @Override
        public void onDataAvailable() throws IOException {
            while (in.isReady() && !in.isFinished()) {
                bytes += Math.max(0, in.read(buffer));
            }
        }

        @Override
        public void onAllDataRead() {
            answer(later, bytes);
        }

        @Override
        public void onError(Throwable failure) {
            later.complete();
        }
    }
}
