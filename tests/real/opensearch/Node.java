// One OpenSearch node from jars: java -cp 'jars/*' Node.java HOME PORT [SETTING=VALUE ...]

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Collection;
import java.util.List;
import org.opensearch.common.logging.LogConfigurator;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.plugins.Plugin;
import org.opensearch.transport.Netty4Plugin;

public class Node extends org.opensearch.node.Node {
  Node(Environment environment, Collection<Class<? extends Plugin>> plugins) {
    super(environment, plugins, false);
  }

  public static void main(String[] given) throws Exception {
    Path home = Paths.get(given[0]).toAbsolutePath();
    int port = Integer.parseInt(given[1]);
    Files.createDirectories(home.resolve("config"));
    Settings.Builder settings = Settings.builder()
        .put("path.home", home.toString())
        .put("path.data", home.resolve("data").toString())
        .put("path.logs", home.resolve("logs").toString())
        .put("cluster.name", "tests")
        .put("node.name", "one")
        .put("network.host", "127.0.0.1")
        .put("http.port", port)
        .put("transport.port", "0")
        .put("discovery.type", "single-node")
        .put("http.type", "netty4")
        .put("transport.type", "netty4")
        .put("cluster.routing.allocation.disk.threshold_enabled", false);
    for (int i = 2; i < given.length; i++) {
      int equals = given[i].indexOf('=');
      settings.put(given[i].substring(0, equals), given[i].substring(equals + 1));
    }
    Environment environment = new Environment(settings.build(), home.resolve("config"));
    LogConfigurator.setNodeName("one");
    Node node = new Node(environment, List.of(Netty4Plugin.class));
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      try {
        node.close();
      } catch (Exception late) {
        System.err.println(late);
      }
    }));
    node.start();
    Thread.currentThread().join();
  }
}
