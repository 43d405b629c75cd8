// A capture of packets as tcpdump -w writes it (classic pcap), taken apart down to the payload of UDP datagrams.

import Bytes

struct Capture {
  enum Packet {
    /// What one UDP datagram carried.
    case datagram(ByteView, from: UInt16, to: UInt16)
    /// Only the beginning was captured.
    case cut
    /// No UDP, or a fragment.
    case other
  }

  /// How the frames begin (https://www.tcpdump.org/linktypes.html).
  private enum Link: UInt32 {
    case null = 0
    case ethernet = 1
    case raw = 101
    case loopback = 108
    case linux = 113
    case internet4 = 228
    case internet6 = 229
    case linux2 = 276
  }

  private let bytes: ByteView
  private let isBigEndian: Bool
  private let link: Link
  private var offset = 24

  /// Nil if `bytes` are no capture.
  init?(_ bytes: ByteView) throws(Refused) {
    guard bytes.count >= 24 else { return nil }
    switch bytes.word32(at: 0) {
    // Microseconds and nanoseconds, as this machine would write them and as others do.
    case 0xA1B2_C3D4, 0xA1B2_3C4D: isBigEndian = false
    case 0xD4C3_B2A1, 0x4D3C_B2A1: isBigEndian = true
    case 0x0A0D_0D0A: throw Refused("pcapng is not read; convert the file with editcap -F pcap")
    default: return nil
    }
    self.bytes = bytes
    // The upper bits speak of the frames' checksums.
    let number = bytes.number32(at: 20, isBigEndian: isBigEndian) & 0xFFFF
    guard let link = Link(rawValue: number) else {
      throw Refused("frames of link type \(number) are not read")
    }
    self.link = link
  }

  /// The next packet; nil at the end, or where the file was cut off.
  mutating func next() -> Packet? {
    guard offset + 16 <= bytes.count else { return nil }
    let count = Int(bytes.number32(at: offset + 8, isBigEndian: isBigEndian))
    offset += 16
    guard count <= bytes.count - offset else {
      offset = bytes.count
      return .cut
    }
    defer { offset += count }
    let frame = bytes.slice(offset..<(offset + count))
    return internetStart(frame).map { Self.datagram(frame.dropping($0)) } ?? .other
  }

  /// Where the internet protocol begins in a frame; nil if it carries another.
  private func internetStart(_ frame: ByteView) -> Int? {
    let start: Int
    switch link {
    case .raw, .internet4, .internet6: start = 0
    case .null, .loopback: start = 4
    case .ethernet:
      var place = 12
      while let type = frame.big16(at: place), type == 0x8100 || type == 0x88A8 { place += 4 }
      guard Self.isInternet(frame.big16(at: place)) else { return nil }
      start = place + 2
    case .linux:
      guard Self.isInternet(frame.big16(at: 14)) else { return nil }
      start = 16
    case .linux2:
      guard Self.isInternet(frame.big16(at: 0)) else { return nil }
      start = 20
    }
    return start < frame.count ? start : nil
  }

  private static func isInternet(_ type: UInt16?) -> Bool { type == 0x0800 || type == 0x86DD }

  private static func datagram(_ packet: ByteView) -> Packet {
    let headCount: Int
    switch packet[0] >> 4 {
    case 4:
      headCount = Int(packet[0] & 0xF) * 4
      guard packet.count >= 20, headCount >= 20, packet[9] == 17 else { return .other }
      // More fragments follow, or some came before.
      guard let fragment = packet.big16(at: 6), fragment & 0x3FFF == 0 else { return .other }
    case 6:
      headCount = 40
      guard packet.count >= 40, packet[6] == 17 else { return .other }
    default: return .other
    }
    guard headCount + 8 <= packet.count else { return .cut }
    let udp = packet.dropping(headCount)
    guard let from = udp.big16(at: 0), let to = udp.big16(at: 2), let length = udp.big16(at: 4), length >= 8
    else { return .other }
    guard length <= udp.count else { return .cut }
    return .datagram(udp.slice(8..<Int(length)), from: from, to: to)
  }
}

extension ByteView {
  fileprivate func big16(at offset: Int) -> UInt16? {
    offset + 2 <= count ? word16(at: offset).byteSwapped : nil
  }

  fileprivate func number32(at offset: Int, isBigEndian: Bool) -> UInt32 {
    isBigEndian ? word32(at: offset).byteSwapped : word32(at: offset)
  }
}
