//! Backends on their real servers, through what happens to those: stopped, emptied, hung, or one of three lost.

mod consul;
mod dns;
mod etcd;
mod fleet;
mod killed;
mod multi;
mod nats;
mod rabbitmq;
mod registries;
mod websocket;
