// Package stream makes goka exact: it gives goka, through its builders, a Kafka client (franz-go), Kafka's transactions,
// local stores that are never ahead of Kafka, and a supervisor. It knows nothing of users or mail.
package stream
