// Arguments by name are part of what a client has; they lie apart because the gateway's procedures need them too.
@_exported import RingCodec
