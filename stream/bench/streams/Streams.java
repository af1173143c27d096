import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The peer of the bench on Kafka Streams: a command changes one row in RocksDB and causes one event. As every peer it
 * prints READY and the milliseconds it took once it runs, and ends when standard input does.
 *
 * <p>Arguments: guarantee, commit interval in ms, poll interval in ms ("-": the default), brokers, group, directory.
 */
public class Streams {
  @JsonPropertyOrder({"id", "email", "status", "version", "note"})
  public static class Account {
    public String id;
    public String email;
    public String status;
    public int version;
    public String note;
  }

  /** The work. */
  static class Accounts implements Processor<String, Account, String, Account> {
    private ProcessorContext<String, Account> context;
    private KeyValueStore<String, Account> rows;

    @Override
    public void init(ProcessorContext<String, Account> context) {
      this.context = context;
      rows = context.getStateStore("accounts");
    }

    @Override
    public void process(Record<String, Account> command) {
      Account row = rows.get(command.key());
      if (row == null) {
        row = new Account();
        row.email = command.value().email;
      }
      row.id = command.value().id;
      row.status = command.value().status;
      row.note = command.value().note;
      row.version++;
      rows.put(command.key(), row);
      context.forward(command.withValue(row));
    }
  }

  static Serde<Account> json() {
    ObjectMapper mapper = new ObjectMapper();
    Serializer<Account> write = (topic, account) -> {
      try {
        return mapper.writeValueAsBytes(account);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    };
    Deserializer<Account> read = (topic, bytes) -> {
      try {
        return bytes == null ? null : mapper.readValue(bytes, Account.class);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    };
    return Serdes.serdeFrom(write, read);
  }

  public static void main(String[] args) throws Exception {
    long begun = System.nanoTime();
    Properties config = new Properties();
    config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, args[0]);
    if (!args[1].equals("-")) {
      config.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, args[1]);
    }
    if (!args[2].equals("-")) {
      config.put(StreamsConfig.POLL_MS_CONFIG, args[2]);
    }
    config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[3]);
    config.put(StreamsConfig.APPLICATION_ID_CONFIG, args[4]);
    config.put(StreamsConfig.STATE_DIR_CONFIG, args[5]);
    config.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, Runtime.getRuntime().availableProcessors());
    config.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 0); // Streams' own is 100
    config.put(StreamsConfig.NUM_STANDBY_REPLICAS_CONFIG, 1);
    config.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    config.put(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG, 6_000);
    config.put(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG, 500);

    Serde<String> key = Serdes.String();
    Serde<Account> value = json();
    Topology topology = new Topology();
    topology.addSource("commands", key.deserializer(), value.deserializer(), args[4] + "-in");
    topology.addProcessor("process", Accounts::new, "commands");
    topology.addStateStore(
        Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("accounts"), key, value), "process");
    topology.addSink("events", args[4] + "-out", key.serializer(), value.serializer(), "process");

    KafkaStreams streams = new KafkaStreams(topology, config);
    streams.setStateListener((now, before) -> {
      if (now == KafkaStreams.State.RUNNING) {
        System.out.println("READY " + (System.nanoTime() - begun) / 1_000_000);
      }
      if (now == KafkaStreams.State.ERROR) {
        System.exit(1);
      }
    });
    streams.start();
    while (System.in.read() >= 0) {
    }
    streams.close(CloseOptions.groupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP)
        .withTimeout(Duration.ofSeconds(15)));
  }
}
