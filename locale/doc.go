// Package locale says things in the reader's language.
//
// A catalogue is a folder of message files, one a language, named by its BCP 47
// tag: de.json, zh-Hans.json. Another language is another file, nothing else.
//
// The package knows the messages by their ids only; what they say, and on which
// page or in which mail, is its users' business.
package locale
