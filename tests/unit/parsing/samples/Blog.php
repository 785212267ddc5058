<?php

declare(strict_types=1);

namespace Example\Blog;

use DateTimeImmutable;

const PAGE_SIZE = 10;

/**
 * Somebody who writes.
 */
interface Author
{
    public function name(): string;
}

enum State: string
{
    case Draft = 'draft';
    case Published = 'published';
}

trait Dated
{
    private ?DateTimeImmutable $published = null;

    public function publish(DateTimeImmutable $when): void
    {
        $this->published = $when;
    }
}

#[Entity]
final class Post implements Author
{
    use Dated;

    public const KIND = 'post';
    protected string $title, $body = '';

    public function __construct(string $title, private State $state = State::Draft)
    {
        if (trim($title) === '') {
            throw new \InvalidArgumentException('title is empty, expected some text');
        }
        $this->title = $title;
    }

    // The address is made of what a reader would type: lower case, and hyphens where there was anything else.
    public function slug(): string
    {
        return strtolower(preg_replace('/[^A-Za-z0-9]+/', '-', $this->title));
    }

    public function name(): string
    {
        return self::KIND . ': ' . $this->title;
    }
}

function latest(array $posts, int $count = PAGE_SIZE): array
{
    usort($posts, fn ($a, $b) => $b <=> $a);
    return array_slice($posts, 0, $count);
}
?>
<h1><?= count($posts) ?> posts</h1>
