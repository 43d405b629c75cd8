// What happens to segments behind the store's back, on a thread of its own: the database reads them, closed ones are
// compressed and entered in their day's manifest, then their lines go. Each step can be done again: whatever is
// killed when, the next start finds the segment and goes on.

import Bytes
import JSON
import Kernel
import Operations
import Publication

struct Archive {
  private let directory: String
  private let figures: StoreFigures
  private let progress: Mailbox<SegmentProgress>
  private let waker: Waker
  private let isEnding: SharedWord
  /// nil if none is wanted.
  private var database: ExposureDatabase?
  private var latest = SegmentProgress(closed: [], open: nil, durable: 0)
  /// How many of the closed segments are done.
  private var doneCount = 0
  private var isFailing = false

  init(
    _ directory: String, database: ExposureDatabase?, figures: StoreFigures, progress: Mailbox<SegmentProgress>,
    waker: Waker, isEnding: SharedWord
  ) {
    self.directory = directory
    self.database = database
    self.figures = figures
    self.progress = progress
    self.waker = waker
    self.isEnding = isEnding
  }

  /// Works until the process is told to end and everything that is closed is archived.
  mutating func run() {
    while true {
      let hasEnded = isEnding.value != 0
      if let progress = progress.take() { latest = progress }
      do {
        try work()
        isFailing = false
        if hasEnded { return }
        waker.wait(milliseconds: 1000)
      } catch {
        figures.archiveFailures.value += 1
        if !isFailing { Log.write(.error, "archive_failed", ["reason": .text("\(error)")]) }
        isFailing = true
        // What is not done now is done after the next start.
        if hasEnded { return }
        waker.wait(milliseconds: 1000)
      }
    }
  }

  private mutating func work() throws {
    while doneCount < latest.closed.count {
      let path = latest.closed[doneCount]
      try database?.read(path, upTo: nil)
      try archive(path)
      try database?.forget(path)
      doneCount += 1
      figures.segmentsCompressed.value += 1
    }
    if let open = latest.open { try database?.read(open, upTo: latest.durable) }
  }

  /// Compresses a closed segment, enters it in the manifest, removes its lines.
  private func archive(_ path: SegmentPath) throws(SystemFailure) {
    let lines = directory + "/" + path.lines
    let byteCount = try OpenFile(lines, .read).byteCount()
    let entry = try Recovery.entries(directory, path, upTo: byteCount).last ?? MarkJournal.Entry()
    let compressed = try Compressor.compress(lines, to: directory + "/" + path.compressed)
    try Manifest.enter(
      Manifest.Segment(
        file: path.compressed, records: entry.recordCount, bytes: byteCount, compressedBytes: compressed.byteCount,
        sha256: compressed.sha256, firstAt: entry.firstAt, lastAt: entry.lastAt),
      of: path.date, in: directory)
    try File.remove(lines)
    try File.remove(directory + "/" + path.journal)
  }
}
