#include <stddef.h>
#include <stdint.h>

/* The polynomial of CRC-16 as the scanners use it. */
#define POLYNOMIAL 0xA001

/* The CRC-16 of a block that a scanner sent, so that what the radio garbled is noticed. */
uint16_t block_checksum(const uint8_t *block, size_t length)
{
    uint16_t crc = 0xFFFF;
    for (size_t i = 0; i < length; i++) {
        crc ^= block[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 1) ? (crc >> 1) ^ POLYNOMIAL : crc >> 1;
        }
    }
    return crc;
}

/* Whether the last two bytes of a block are the checksum of the others. */
int block_is_intact(const uint8_t *block, size_t length)
{
    if (length < 2) {
        return 0;
    }
    uint16_t sent = (uint16_t)(block[length - 2] | block[length - 1] << 8);
    return block_checksum(block, length - 2) == sent;
}
