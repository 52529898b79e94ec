package app;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpSession;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * {@code /session}: joins or opens a session and counts the hits in it.
 *
 * <p>{@code ?encode=1} answers with nothing but the address of this page, carrying
 * {@code ;jsessionid} when Tomcat thinks it must; {@code ?invalidate=1} ends the session; and
 * {@code ?ms=M} waits before it answers.
 */
@WebServlet("/session")
public final class SessionServlet extends HttpServlet {
    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
        Query query = Query.of(request);
        HttpSession session = request.getSession();
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("node", LedgerFilter.node(request));
        answer.put("id", session.getId());
        answer.put("new", session.isNew());
        answer.put("hits", hit(session));
        answer.put("requestedSessionId", request.getRequestedSessionId());
        answer.put("fromCookie", request.isRequestedSessionIdFromCookie());
        answer.put("fromURL", request.isRequestedSessionIdFromURL());
        answer.put("valid", request.isRequestedSessionIdValid());
        Pause.ms(query.number("ms", 0, Pause.LONGEST_MS));
        String here = response.encodeURL(request.getContextPath() + "/session");
        if (query.flag("invalidate")) {
            session.invalidate();
        }
        if (query.flag("encode")) {
            response.setContentType("text/plain");
            response.getWriter().println(here);
        } else {
            answer.put("url", here);
            Json.send(response, answer);
        }
    }

    /** Counts under a lock of the class: two requests of one session may run at the same time. */
    private static synchronized int hit(HttpSession session) {
        Integer before = (Integer) session.getAttribute("hits");
        int hits = before == null ? 1 : before + 1;
        session.setAttribute("hits", hits);
        return hits;
    }
}
