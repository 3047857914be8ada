import NIOSSL
import NIOPosix
