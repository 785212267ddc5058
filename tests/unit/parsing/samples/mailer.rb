# frozen_string_literal: true

require 'net/smtp'

module Post
  VERSION = '1.2'

  # Raised when a letter has no address.
  class NoAddress < StandardError; end

  # Sends letters, one after the other.
  class Mailer
    DEFAULT_PORT = 25
    attr_reader :host

    class << self
      def local
        new('localhost')
      end
    end

    def initialize(host, port: DEFAULT_PORT)
      @host = host
      @port = port
      @sent = []
    end

    # Sends a letter and remembers it.
    #
    # A letter without an address is refused before anything is opened, so that nothing hangs half sent.
    def deliver(letter)
      raise NoAddress, letter.inspect if letter.to.empty?

      Net::SMTP.start(@host, @port) do |smtp|
        smtp.send_message(letter.text, letter.from, letter.to)
      end
      @sent << letter
    end

    def self.parse(url)
      host, port = url.split(':')
      new(host, port: port.to_i)
    end

    def sent? = !@sent.empty?
  end
end
