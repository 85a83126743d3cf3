// SPDX-License-Identifier: BSD-3-Clause
#include "checksums.hpp"

#include "failure.hpp"

#include <caffe2/serialize/crc_alt.h>
#include <caffe2/serialize/inline_container.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace covsamp_shim
{

namespace
{

using Adapter = std::shared_ptr<caffe2::serialize::ReadAdapterInterface>;
using Bytes = std::vector<unsigned char>;

// Sizes and signatures of APPNOTE.TXT (the zip format), sections 4.3.7, 4.3.12 and 4.3.14
// to 4.3.16.
constexpr size_t kLocal = 30, kEntry = 46, kEnd = 22, kLocator = 20, kEnd64 = 56;
constexpr uint64_t kMostDirectory = uint64_t(1) << 30;

[[noreturn]] void fail_directory()
{
    throw Failure(COVSAMP_TORCH_E_FORMAT, "the file is damaged: its list of records is not whole");
}

uint64_t number(const unsigned char *at, int bytes)
{
    uint64_t value = 0;
    while (bytes-- > 0)
        value = value << 8 | at[bytes];
    return value;
}

struct Entry {
    std::string name;
    uint32_t crc;
    int method; // 0: as it is; else compressed
    uint64_t stored, size, local;
};

class Archive
{
  public:
    explicit Archive(const Adapter &adapter) : adapter_(adapter), size_(adapter->size())
    {
    }

    // False where there is none.
    bool find_directory()
    {
        const size_t tail = static_cast<size_t>(std::min<uint64_t>(size_, kEnd + 65535));
        const Bytes bytes = read(size_ - tail, tail);
        for (size_t at = tail >= kEnd ? tail - kEnd + 1 : 0; at-- > 0;)
            if (std::memcmp(&bytes[at], "PK\5\6", 4) == 0) {
                count_ = number(&bytes[at + 10], 2);
                length_ = number(&bytes[at + 12], 4);
                start_ = number(&bytes[at + 16], 4);
                if (at >= kLocator && std::memcmp(&bytes[at - kLocator], "PK\6\7", 4) == 0)
                    read_end64(number(&bytes[at - kLocator + 8], 8));
                return true;
            }
        return false;
    }

    std::vector<Entry> entries() const
    {
        if (length_ > kMostDirectory || start_ > size_ || length_ > size_ - start_)
            fail_directory();
        const Bytes bytes = read(start_, static_cast<size_t>(length_));
        std::vector<Entry> all;
        size_t at = 0;
        for (uint64_t i = 0; i < count_; i++) {
            if (at + kEntry > bytes.size() || std::memcmp(&bytes[at], "PK\1\2", 4) != 0)
                fail_directory();
            const size_t name = number(&bytes[at + 28], 2), extra = number(&bytes[at + 30], 2),
                         whole = kEntry + name + extra + number(&bytes[at + 32], 2);
            if (whole > bytes.size() - at)
                fail_directory();
            all.push_back(entry(&bytes[at], name, extra));
            at += whole;
        }
        return all;
    }

    // Where the bytes of a record begin.
    uint64_t data(const Entry &e) const
    {
        const Bytes head = read(e.local, kLocal);
        if (std::memcmp(head.data(), "PK\3\4", 4) != 0)
            fail_directory();
        return e.local + kLocal + number(&head[26], 2) + number(&head[28], 2);
    }

    uint32_t crc(uint64_t at, uint64_t count) const
    {
        uint32_t sum = 0;
        for (uint64_t done = 0; done < count;) {
            const Bytes part =
                read(at + done, static_cast<size_t>(std::min<uint64_t>(count - done, 1 << 20)));
            sum = crc32_fast(part.data(), part.size(), sum);
            done += part.size();
        }
        return sum;
    }

  private:
    Bytes read(uint64_t at, size_t count) const
    {
        if (at > size_ || count > size_ - at)
            fail_directory();
        Bytes bytes(count);
        if (adapter_->read(at, bytes.data(), count, "") != count)
            fail_directory();
        return bytes;
    }

    void read_end64(uint64_t at)
    {
        const Bytes bytes = read(at, kEnd64);
        if (std::memcmp(bytes.data(), "PK\6\6", 4) != 0)
            fail_directory();
        count_ = number(&bytes[32], 8);
        length_ = number(&bytes[40], 8);
        start_ = number(&bytes[48], 8);
    }

    // Numbers that do not fit 32 bits stand in the extra field 1, in this order.
    static Entry entry(const unsigned char *at, size_t name, size_t extra)
    {
        Entry e{std::string(reinterpret_cast<const char *>(at + kEntry), name),
                static_cast<uint32_t>(number(at + 16, 4)),
                static_cast<int>(number(at + 10, 2)),
                number(at + 20, 4),
                number(at + 24, 4),
                number(at + 42, 4)};
        uint64_t *const wide[] = {&e.size, &e.stored, &e.local};
        const unsigned char *field = at + kEntry + name;
        for (size_t left = extra; left >= 4;) {
            const size_t length = std::min<size_t>(number(field + 2, 2), left - 4);
            size_t used = 0;
            for (uint64_t *value : wide)
                if (number(field, 2) == 1 && *value == UINT32_MAX && used + 8 <= length) {
                    *value = number(field + 4 + used, 8);
                    used += 8;
                }
            left -= 4 + length;
            field += 4 + length;
        }
        return e;
    }

    Adapter adapter_;
    uint64_t size_, count_ = 0, length_ = 0, start_ = 0;
};

// libtorch unpacks what is compressed: code, as a rule.  Its names have no folder in front.
uint32_t unpacked_crc(caffe2::serialize::PyTorchStreamReader &unpacker, const Entry &e)
{
    const auto record = unpacker.getRecord(e.name.substr(e.name.find('/') + 1));
    if (std::get<1>(record) != e.size)
        return ~e.crc;
    return crc32_fast(std::get<0>(record).get(), std::get<1>(record));
}

} // namespace

void check_records(const std::shared_ptr<caffe2::serialize::ReadAdapterInterface> &reader)
{
    Archive archive(reader);
    if (!archive.find_directory())
        return;
    std::unique_ptr<caffe2::serialize::PyTorchStreamReader> unpacker;
    for (const Entry &e : archive.entries()) {
        const uint64_t data = archive.data(e);
        if (e.method != 0 && unpacker == nullptr)
            unpacker = std::make_unique<caffe2::serialize::PyTorchStreamReader>(reader);
        const bool fits = e.method != 0 ? unpacked_crc(*unpacker, e) == e.crc
                                        : e.stored == e.size && archive.crc(data, e.size) == e.crc;
        if (!fits)
            throw Failure(COVSAMP_TORCH_E_FORMAT,
                          "the file is damaged: its record \"%.200s\" does not fit its checksum",
                          e.name.c_str());
    }
}

} // namespace covsamp_shim
