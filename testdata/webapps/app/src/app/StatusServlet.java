package app;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.PrintWriter;

/**
 * {@code /status?code=N}: answers with that status, whatever it means.
 *
 * <p>{@code &error=TEXT} goes through {@code sendError}; else {@code &length=L} announces a length
 * and {@code &body=TEXT} writes that body, even where the status allows neither. Also
 * {@code /slow?ms=M[&then=N]}, which waits before it answers with 200 or N.
 */
@WebServlet({"/status", "/slow"})
public final class StatusServlet extends HttpServlet {
    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
        Query query = Query.of(request);
        if (request.getServletPath().equals("/slow")) {
            Pause.ms(query.number("ms", 1000, Pause.LONGEST_MS));
            answer(response, (int) query.number("then", 200, 999), "slept");
        } else if (query.has("error")) {
            response.sendError((int) query.number("code", 500, 999), query.text("error", ""));
        } else {
            if (query.has("length")) {
                response.setContentLengthLong(query.number("length", 0, Long.MAX_VALUE));
            }
            answer(response, (int) query.number("code", 200, 999), query.text("body", null));
        }
    }

    private static void answer(HttpServletResponse response, int status, String body) throws IOException {
        response.setStatus(status);
        if (body != null) {
            response.setContentType("text/plain");
            PrintWriter out = response.getWriter();
            out.print(body);
        }
    }
}
