package app;

import jakarta.servlet.http.HttpSession;
import jakarta.websocket.HandshakeResponse;
import jakarta.websocket.OnMessage;
import jakarta.websocket.OnOpen;
import jakarta.websocket.Session;
import jakarta.websocket.server.HandshakeRequest;
import jakarta.websocket.server.ServerEndpoint;
import jakarta.websocket.server.ServerEndpointConfig;
import java.io.IOException;

/** {@code /socket}, a WebSocket: says whose session it was opened in and where, then sends back what it gets. */
@ServerEndpoint(value = "/socket", configurator = EchoSocket.Visitor.class)
public final class EchoSocket {
    @OnOpen
    public void open(Session session) throws IOException {
        session.getBasicRemote().sendText((String) session.getUserProperties().get("greeting"));
    }

    @OnMessage
    public String echo(String text) {
        return text;
    }

    /** Looks at the request that became a WebSocket. */
    public static final class Visitor extends ServerEndpointConfig.Configurator {
        @Override
        public void modifyHandshake(
                ServerEndpointConfig config, HandshakeRequest request, HandshakeResponse response) {
            HttpSession session = (HttpSession) request.getHttpSession();
            String greeting = session == null
                    ? "nobody"
                    : session.getServletContext().getInitParameter("node") + " " + session.getId();
            config.getUserProperties().put("greeting", greeting);
        }
    }
}
