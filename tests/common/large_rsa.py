"""Writes an RSA key of 4096, 6144, 8192, 12288 or 16384 bits, as PKCS#1 in PEM. To generate one of
the larger ones takes minutes; this one is put together of primes that everybody knows, those of the
Diffie-Hellman groups of RFC 3526 and RFC 7919. usage: large_rsa.py BITS"""

import base64
import sys

# Bits of the primes: what is added to the digits of pi, and to those of e.
OFFSETS = {
    2048: (124476, 560316),
    3072: (1690314, 2625351),
    4096: (240904, 5736041),
    6144: (929484, 15705020),
    8192: (4743158, 10965728),
}


def arctan_of_inverse(x, one):
    total, term, n = 0, one // x, 1
    while term:
        total += term // n if n % 4 == 1 else -(term // n)
        term //= x * x
        n += 2
    return total


def primes(bits):
    guard = 64
    one = 1 << (bits - 130 + guard)
    pi = 4 * (4 * arctan_of_inverse(5, one) - arctan_of_inverse(239, one))
    e, term, n = 0, one, 1
    while term:
        e += term
        term //= n
        n += 1
    for digits, offset in zip((pi, e), OFFSETS[bits]):
        yield 2**bits - 2 ** (bits - 64) - 1 + 2**64 * ((digits >> guard) + offset)


def der(tag, content):
    size = len(content)
    length = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + length + content


def integer(number):
    return der(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def main():
    p, q = primes(int(sys.argv[1]) // 2)
    n, public = p * q, 65537
    d = pow(public, -1, (p - 1) * (q - 1))
    numbers = [0, n, public, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p)]
    text = base64.b64encode(der(0x30, b"".join(map(integer, numbers)))).decode()
    print("-----BEGIN RSA PRIVATE KEY-----")
    for start in range(0, len(text), 64):
        print(text[start : start + 64])
    print("-----END RSA PRIVATE KEY-----")


main()
