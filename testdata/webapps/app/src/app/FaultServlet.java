package app;

import jakarta.servlet.ServletException;
import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;

/**
 * {@code /fault?kind=KIND}: an application that breaks. What a front end sees of it is in brackets.
 *
 * <ul>
 *   <li>{@code exception-before-commit} [a 500 page]
 *   <li>{@code exception-after-commit} [head and some bytes, then silence]
 *   <li>{@code content-length-too-long} announces 100 bytes and writes 10 [a regular end]
 *   <li>{@code content-length-too-short} announces 4 bytes and writes 8 [all 8 and a regular end]
 *   <li>{@code oversize-header}, {@code &size=N} bytes [silence, not even a head]
 *   <li>{@code close-before-commit}, {@code close-after-commit} [the connection is closed]
 *   <li>{@code halt-before-commit}, {@code halt-after-commit} [the whole server dies as if killed]
 *   <li>{@code hang-after-commit}, {@code &ms=M} [head and some bytes, the rest M ms later]
 * </ul>
 */
@WebServlet("/fault")
public final class FaultServlet extends HttpServlet {
    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response)
            throws IOException, ServletException {
        Query query = Query.of(request);
        String kind = query.text("kind", "");
        response.setContentType("text/plain");
        if (kind.endsWith("-after-commit")) {
            response.getOutputStream().print("begun\n");
            response.flushBuffer();
        }
        switch (kind) {
            case "exception-before-commit", "exception-after-commit" -> throw new ServletException(kind);
            case "close-before-commit", "close-after-commit" -> Coyote.close(request);
            case "halt-before-commit", "halt-after-commit" -> Runtime.getRuntime().halt(1);
            case "content-length-too-long" -> {
                response.setContentLength(100);
                response.getOutputStream().print("only these ".substring(0, 10));
            }
            case "content-length-too-short" -> {
                response.setContentLength(4);
                response.getOutputStream().print("too many".substring(0, 8));
            }
            case "oversize-header" -> {
                response.setHeader("X-Oversize", "o".repeat((int) query.number("size", 70_000, 1 << 20)));
                response.getOutputStream().print("never seen");
            }
            case "hang-after-commit" -> {
                Pause.ms(query.number("ms", 1000, Pause.LONGEST_MS));
                response.getOutputStream().print("ended\n");
            }
            default -> response.sendError(HttpServletResponse.SC_NOT_FOUND, "no such fault");
        }
    }
}
