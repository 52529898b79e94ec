package app;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.PrintWriter;

/** {@code /sse?n=N&ms=M}: N server-sent events numbered from 1, each flushed, M ms apart. */
@WebServlet("/sse")
public final class EventsServlet extends HttpServlet {
    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
        Query query = Query.of(request);
        long n = query.number("n", 3, 10_000);
        long ms = query.number("ms", 100, Pause.LONGEST_MS);
        response.setContentType("text/event-stream");
        response.setCharacterEncoding("UTF-8");
        response.setHeader("Cache-Control", "no-cache");
        PrintWriter out = response.getWriter();
        for (long i = 1; i <= n; i++) {
            out.print("id: " + i + "\ndata: event " + i + "\n\n");
            if (out.checkError()) { // flushes, and tells that nobody listens any more
                throw new IOException("the listener left after event " + i);
            }
            if (i < n) {
                Pause.ms(ms);
            }
        }
    }
}
