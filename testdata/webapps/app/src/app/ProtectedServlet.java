package app;

import jakarta.servlet.ServletException;
import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * {@code /protected}: for any authenticated user, and says who that is. Tomcat asks for Basic
 * credentials, unless the front end vouches for the user ({@code tomcatAuthentication="false"}).
 */
@WebServlet("/protected")
public final class ProtectedServlet extends HttpServlet {
    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response)
            throws IOException, ServletException {
        // Not by a constraint for the role **, which versions of Tomcat 10.1 read differently.
        if (!request.authenticate(response)) {
            return;
        }
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("node", LedgerFilter.node(request));
        answer.put("remoteUser", request.getRemoteUser());
        answer.put("authType", request.getAuthType());
        answer.put("tester", request.isUserInRole("tester"));
        Json.send(response, answer);
    }
}
