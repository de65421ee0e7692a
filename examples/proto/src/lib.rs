//! The contract of both ends: `kitchen.proto`.

micro::proto!("kitchen.proto");
