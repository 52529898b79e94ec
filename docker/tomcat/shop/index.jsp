<%@ page contentType="text/plain; charset=UTF-8" import="java.util.concurrent.atomic.AtomicInteger" %><%--
  Shows the session and the number of its requests. `?ms=M` waits M milliseconds, at most ten seconds;
  `?status=N` answers with that status.
--%><%
    AtomicInteger visits;
    synchronized (application) {
        visits = (AtomicInteger) session.getAttribute("visits");
        if (visits == null) {
            visits = new AtomicInteger();
            session.setAttribute("visits", visits);
        }
    }
    if (request.getParameter("ms") != null) {
        Thread.sleep(Math.min(10_000, Long.parseLong(request.getParameter("ms"))));
    }
    if (request.getParameter("status") != null) {
        response.setStatus(Integer.parseInt(request.getParameter("status")));
    }
%><%= System.getenv("JVM_ROUTE") %>: session <%= session.getId() %>, visit <%= visits.incrementAndGet() %>
